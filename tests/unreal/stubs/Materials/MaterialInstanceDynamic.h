#pragma once

#include "CoreMinimal.h"
#include "Engine/Texture2D.h"

class UMaterialInterface {
public:
    virtual ~UMaterialInterface() = default;
};

/// Remembers the parameter that was set last.
class UMaterialInstanceDynamic : public UMaterialInterface {
public:
    void SetTextureParameterValue(FName name, UTexture2D* texture) {
        Name = name;
        Texture = texture;
    }
    FName Name;
    UTexture2D* Texture = nullptr;
};
