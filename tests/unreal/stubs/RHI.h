#pragma once

#include "CoreMinimal.h"

struct FUpdateTextureRegion2D {
    FUpdateTextureRegion2D(uint32 destX, uint32 destY, int32 srcX, int32 srcY, uint32 width, uint32 height)
        : DestX(destX), DestY(destY), SrcX(srcX), SrcY(srcY), Width(width), Height(height) {}
    uint32 DestX, DestY;
    int32 SrcX, SrcY;
    uint32 Width, Height;
};
