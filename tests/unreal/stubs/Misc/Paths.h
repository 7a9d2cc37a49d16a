#pragma once

#include "CoreMinimal.h"

struct FPaths {
    static FString Combine(const FString& folder, const FString& name) {
        return (folder.Text + "/" + name.Text).c_str();
    }
};
