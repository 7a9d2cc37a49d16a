#pragma once

#include "CoreMinimal.h"

struct IPlugin {
    FString GetBaseDir() const { return {}; }
};

struct IPluginManager {
    static IPluginManager& Get() {
        static IPluginManager manager;
        return manager;
    }
    TSharedPtr<IPlugin> FindPlugin(const FString&) const { return MakeShared<IPlugin>(); }
};
