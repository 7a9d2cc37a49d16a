// The age of another machine's pictures.

#include <map>

#include "control_server.h"
#include "omote/clock_keeper.h"
#include "packed.h"
#include "publisher.h"
#include "test.h"

using namespace omote;

namespace {

// An address of this machine that does not say that it is.
std::string AsIfFarAway(std::string endpoint) { return endpoint.replace(endpoint.find("127.0.0.1"), 9, "0.0.0.0"); }

std::vector<std::string> Time(std::uint64_t id, std::uint64_t session) {
    const std::map<std::string, std::uint64_t> result{{"received", MonotonicNs()}, {"session", session}};
    return {Packed("v", 1, "id", id, "result", result)};
}

}  // namespace

TEST(another_machines_clock_is_measured_once_it_is_heard) {
    const std::uint64_t session = Golden()["header"]["session"].Uint();
    TestPublisher publisher;
    TestControl control([session](std::uint64_t id, const std::string&) { return Time(id, session); });
    ReceiverSettings settings;
    settings.endpoint = AsIfFarAway(publisher.Endpoint());
    const auto receiver = std::make_shared<Receiver>(settings);
    const ClockKeeper keeper(std::make_shared<ControlClient>(control.Endpoint()), receiver);
    receiver->Start();
    EXPECT(publisher.WaitForSubscription("v/omote"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!receiver->Report().isAgeKnown && std::chrono::steady_clock::now() < deadline) {
        publisher.Send(StoredMessage("wire_video"));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT(receiver->Report().isAgeKnown);
}

TEST(a_clock_keeper_ends_while_nobody_answers) {
    TestPublisher publisher;
    ReceiverSettings settings;
    settings.endpoint = AsIfFarAway(publisher.Endpoint());
    const auto receiver = std::make_shared<Receiver>(settings);
    receiver->Start();
    EXPECT(publisher.WaitForSubscription("v/omote"));
    publisher.Send(StoredMessage("wire_video"));
    Picture picture;
    EXPECT(receiver->TakePicture(picture, std::chrono::seconds(60)));
    const ClockKeeper keeper(std::make_shared<ControlClient>("tcp://127.0.0.1:1"), receiver);
    EXPECT(!receiver->Report().isAgeKnown);
}
