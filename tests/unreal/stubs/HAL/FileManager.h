#pragma once

#include "CoreMinimal.h"

struct IFileManager {
    static IFileManager& Get() {
        static IFileManager manager;
        return manager;
    }
    void FindFiles(TArray<FString>&, const TCHAR*, bool, bool) const {}
};
