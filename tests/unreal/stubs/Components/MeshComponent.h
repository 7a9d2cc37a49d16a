#pragma once

#include "Materials/MaterialInstanceDynamic.h"

class UMeshComponent {
public:
    UMaterialInterface* GetMaterial(int32) const { return Material; }
    void SetMaterial(int32, UMaterialInterface* material) { Material = material; }
    UMaterialInstanceDynamic* CreateDynamicMaterialInstance(int32) {
        if (Material != &Instance) Material = &Instance;
        return &Instance;
    }
    UMaterialInterface* Material = nullptr;
    UMaterialInstanceDynamic Instance;
};
