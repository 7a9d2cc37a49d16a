#pragma once

#include "CoreMinimal.h"

enum class EImageFormat { JPEG };
enum class ERGBFormat { BGRA };

class IImageWrapper {
public:
    bool SetCompressed(const void*, int64) { return true; }
    bool GetRaw(ERGBFormat, int32, TArray64<uint8>&) { return true; }
};
