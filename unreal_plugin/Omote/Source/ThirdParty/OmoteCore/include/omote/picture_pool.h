#pragma once

#include <array>
#include <memory>

#include "omote/receiver.h"

namespace omote {

/// Gives pictures to a renderer that reads them later, on a thread of its own. Buffers go round; none is copied.
class PicturePool {
public:
    /// The newest picture, which stays as it is for as long as somebody holds it. Nothing where none has come since, or
    /// where the renderer still holds all buffers: it is behind, and waiting for it would stall the game.
    std::shared_ptr<const Picture> Take(Receiver& receiver);

private:
    std::array<std::shared_ptr<Picture>, 3> pictures_;
};

}  // namespace omote
