#pragma once

#include "CoreMinimal.h"

class UMeshComponent;

class AActor {
public:
    FTransform GetActorTransform() const { return {}; }
    template <class T>
    T* FindComponentByClass() const {
        return Mesh;
    }
    UMeshComponent* Mesh = nullptr;  // that the test gives it
};
