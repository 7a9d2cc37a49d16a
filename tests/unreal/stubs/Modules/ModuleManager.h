#pragma once

#include "CoreMinimal.h"

class IModuleInterface {
public:
    virtual ~IModuleInterface() = default;
    virtual void StartupModule() {}
};

struct FModuleManager {
    template <class Module>
    static Module& LoadModuleChecked(const FName&) {
        static Module module;
        return module;
    }
};

/// The module, as Unreal would load it.
IModuleInterface& StubModule();

#define IMPLEMENT_MODULE(type, name) \
    IModuleInterface& StubModule() { \
        static type module;          \
        return module;               \
    }
