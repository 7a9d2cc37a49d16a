#pragma once

#include "LiveLinkTypes.h"

struct ULiveLinkBasicRole {
    static UClass* StaticClass() {
        static UClass type;
        return &type;
    }
};
