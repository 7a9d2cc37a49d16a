#include "omote/picture_pool.h"

#include <atomic>

namespace omote {

std::shared_ptr<const Picture> PicturePool::Take(Receiver& receiver) {
    for (std::shared_ptr<Picture>& picture : pictures_) {
        if (!picture) picture = std::make_shared<Picture>();
        if (picture.use_count() > 1) continue;
        // Whoever let go of it last has read it: their release comes before our write.
        std::atomic_thread_fence(std::memory_order_acquire);
        return receiver.TakePicture(*picture) ? picture : nullptr;
    }
    return nullptr;
}

}  // namespace omote
