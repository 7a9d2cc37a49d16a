#pragma once

#include "CoreMinimal.h"

struct IModularFeatures {
    static IModularFeatures& Get() {
        static IModularFeatures features;
        return features;
    }
    bool IsModularFeatureAvailable(const FName&) const { return true; }
    template <class Feature>
    Feature& GetModularFeature(const FName&) {
        static Feature feature;
        return feature;
    }
};
