#pragma once

#include "CoreMinimal.h"

struct FTransform {
    FVector InverseTransformVectorNoScale(const FVector& vector) const { return vector; }
};

class AActor {
public:
    FTransform GetActorTransform() const { return {}; }
};
