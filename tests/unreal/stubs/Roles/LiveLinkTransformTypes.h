#pragma once

#include "LiveLinkTypes.h"

struct FLiveLinkTransformStaticData : FLiveLinkBaseStaticData {
    static UScriptStruct* StaticStruct() { return StubStructOf<FLiveLinkTransformStaticData>(); }
};

struct FLiveLinkTransformFrameData : FLiveLinkBaseFrameData {
    static UScriptStruct* StaticStruct() { return StubStructOf<FLiveLinkTransformFrameData>(); }
    FTransform Transform;
};
