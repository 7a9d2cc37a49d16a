#pragma once

#include "LiveLinkTypes.h"

struct ULiveLinkTransformRole {
    static UClass* StaticClass() {
        static UClass type;
        return &type;
    }
};
