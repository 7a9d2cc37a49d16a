#pragma once

#include "LiveLinkTypes.h"

struct ULiveLinkBasicRole {
    static UClass* StaticClass() { return nullptr; }
};
