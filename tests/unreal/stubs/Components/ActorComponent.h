#pragma once

#include "CoreMinimal.h"
#include "GameFramework/Actor.h"

enum ELevelTick { LEVELTICK_ViewportsOnly = 1, LEVELTICK_All = 2 };
namespace EEndPlayReason {
enum Type { Destroyed };
}

struct FActorComponentTickFunction {
    bool bCanEverTick = false;
};

class UActorComponent {
public:
    using Super = UActorComponent;  // of those that derive from it; in Unreal GENERATED_BODY() says so
    virtual ~UActorComponent() = default;
    virtual void BeginPlay() {}
    virtual void EndPlay(const EEndPlayReason::Type) {}
    virtual void TickComponent(float, ELevelTick, FActorComponentTickFunction*) {}
    virtual void OnUnregister() {}
    bool bTickInEditor = false;
    AActor* GetOwner() const { return Owner; }
    FActorComponentTickFunction PrimaryComponentTick;
    AActor* Owner = nullptr;
};
