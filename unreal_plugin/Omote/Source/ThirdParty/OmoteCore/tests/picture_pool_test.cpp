// Pictures for a renderer that reads them later.

#include <set>
#include <vector>

#include "omote/picture_pool.h"
#include "publisher.h"
#include "test.h"

using namespace omote;

namespace {

struct Feed {
    TestPublisher publisher;
    Receiver receiver;
    PicturePool pool;

    Feed() : receiver(SettingsFor(publisher.Endpoint())) {
        receiver.Start();
        EXPECT(publisher.WaitForSubscription("v/omote"));
    }

    static ReceiverSettings SettingsFor(const std::string& endpoint) {
        ReceiverSettings settings;
        settings.endpoint = endpoint;
        return settings;
    }

    void Send() { publisher.Send(StoredMessage("wire_video")); }

    std::shared_ptr<const Picture> Next() {
        for (int turn = 0; turn < 60000; ++turn) {
            if (auto picture = pool.Take(receiver)) return picture;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return nullptr;
    }
};

}  // namespace

TEST(a_renderer_that_is_behind_gets_nothing_until_it_lets_go) {
    Feed feed;
    std::vector<std::shared_ptr<const Picture>> held;
    for (int picture = 0; picture < 3; ++picture) {
        feed.Send();
        held.push_back(feed.Next());
        EXPECT(held.back() != nullptr);
    }
    feed.Send();  // it waits in the receiver, now or soon
    EXPECT(feed.pool.Take(feed.receiver) == nullptr);
    held.erase(held.begin());
    EXPECT(feed.Next() != nullptr);
}

TEST(buffers_go_round) {
    Feed feed;
    std::set<const std::uint8_t*> buffers;
    for (int picture = 0; picture < 30; ++picture) {
        feed.Send();
        buffers.insert(feed.Next()->pixels.data());
    }
    EXPECT(buffers.size() <= 5);  // three of the receiver's, and of the pool's
}

TEST(what_is_held_stays_as_it_is) {
    Feed feed;
    feed.Send();
    const auto held = feed.Next();
    const std::vector<std::uint8_t> pixels = held->pixels;
    for (int picture = 0; picture < 10; ++picture) {
        feed.Send();
        feed.Next();
    }
    EXPECT(held->pixels == pixels);
}
