#pragma once

#include <deque>

#include "CoreMinimal.h"
#include "RHI.h"  // the layer includes it itself: Unreal's own header only declares the region

enum EPixelFormat { PF_B8G8R8A8 };

/// A texture whose updates are done when the test says so, as by a render thread that is behind.
class UTexture2D {
public:
    using Cleanup = TFunction<void(uint8* SrcData, const FUpdateTextureRegion2D* Regions)>;

    static UTexture2D* CreateTransient(int32 width, int32 height, EPixelFormat) {
        All().push_back(std::make_unique<UTexture2D>());
        UTexture2D* texture = All().back().get();
        texture->Width = width;
        texture->Height = height;
        texture->Pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4);
        return texture;
    }

    void UpdateResource() { bHasResource = true; }
    int32 GetSizeX() const { return Width; }
    int32 GetSizeY() const { return Height; }

    void UpdateTextureRegions(int32, uint32, const FUpdateTextureRegion2D* regions, uint32 pitch, uint32 bytes,
                              uint8* data, Cleanup cleanup) {
        Pending().push_back([this, regions, pitch, bytes, data, cleanup = std::move(cleanup)] {
            for (uint32 row = 0; row < regions->Height; ++row) {
                std::memcpy(Pixels.data() + row * pitch, data + row * pitch, regions->Width * bytes);
            }
            ++Updates;
            cleanup(data, regions);
        });
    }

    /// What the render thread does, in time.
    static void RunRenderThread() {
        for (; !Pending().empty(); Pending().pop_front()) Pending().front()();
    }
    static std::deque<std::function<void()>>& Pending() {
        static std::deque<std::function<void()>> pending;
        return pending;
    }
    static std::vector<std::unique_ptr<UTexture2D>>& All() {
        static std::vector<std::unique_ptr<UTexture2D>> all;
        return all;
    }

    bool SRGB = false;
    bool NeverStream = false;
    bool bHasResource = false;
    int32 Width = 0, Height = 0;
    int Updates = 0;
    std::vector<uint8> Pixels;
};
