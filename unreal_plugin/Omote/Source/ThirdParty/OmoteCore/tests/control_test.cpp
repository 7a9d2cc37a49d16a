// The control client against a ROUTER in this process.

#include <map>
#include <thread>

#include "control_server.h"
#include "omote/control_client.h"
#include "packed.h"
#include "test.h"

using namespace omote;

namespace {

using Texts = std::map<std::string, std::string>;

std::string ResultFor(std::uint64_t id, const Texts& result) { return Packed("v", 1, "id", id, "result", result); }

ControlError ErrorOfCall(ControlClient& client, const char* method, std::chrono::milliseconds patience) {
    try {
        client.Call(method, {}, patience);
    } catch (const ControlError& error) {
        return error;
    }
    throw std::runtime_error("no such error was thrown");
}

constexpr std::chrono::seconds Long(60);

}  // namespace

TEST(a_result_is_given_to_its_request) {
    TestControl control([](std::uint64_t id, const std::string& method) {
        return std::vector<std::string>{ResultFor(id, {{"asked", method}})};
    });
    ControlClient client(control.Endpoint());
    for (int run = 0; run < 3; ++run) {
        const Result result = client.Call("set_character", Arguments().Text("name", "ada"), Long);
        EXPECT_EQUAL(result.Get().Text("asked"), std::string_view("set_character"));
    }
}

TEST(an_error_keeps_its_code_and_sentence) {
    TestControl control([](std::uint64_t id, const std::string&) {
        const Texts error{{"code", "failed"}, {"message", "no face"}};
        return std::vector<std::string>{Packed("v", 1, "id", id, "error", error)};
    });
    ControlClient client(control.Endpoint());
    const ControlError error = ErrorOfCall(client, "recalibrate", Long);
    EXPECT_EQUAL(error.Code(), std::string("failed"));
    EXPECT_EQUAL(std::string(error.what()), std::string("no face"));
}

TEST(replies_to_other_requests_and_nonsense_are_dropped) {
    TestControl control([](std::uint64_t id, const std::string&) {
        return std::vector<std::string>{"", "\xc1", ResultFor(id + 1, {{"a", "late"}}),
                                        Packed("v", 2, "id", id, "result", Texts{}), Packed("v", 1, "id", id),
                                        ResultFor(id, {{"a", "mine"}})};
    });
    ControlClient client(control.Endpoint());
    const Result result = client.Call("hello", {}, Long);
    EXPECT_EQUAL(result.Get().Text("a"), std::string_view("mine"));
}

TEST(a_reply_that_is_too_large_does_not_end_the_client) {
    bool isLarge = true;
    TestControl control([&isLarge](std::uint64_t id, const std::string&) {
        const bool wasLarge = isLarge;
        isLarge = false;
        return std::vector<std::string>{wasLarge ? std::string(16385, '\0') : ResultFor(id, {{"a", "mine"}})};
    });
    ControlClient client(control.Endpoint());
    EXPECT_EQUAL(ErrorOfCall(client, "hello", std::chrono::milliseconds(500)).Code(), std::string("timeout"));
    EXPECT_EQUAL(client.Call("hello", {}, Long).Get().Text("a"), std::string_view("mine"));
}

TEST(a_request_that_nobody_answers_is_given_up) {
    TestControl control([](std::uint64_t, const std::string&) { return std::vector<std::string>(); });
    ControlClient client(control.Endpoint());
    const ControlError error = ErrorOfCall(client, "hello", std::chrono::milliseconds(50));
    EXPECT_EQUAL(error.Code(), std::string("timeout"));
    ExpectContains(error.what(), control.Endpoint());
}

TEST(a_client_that_is_stopped_waits_no_longer) {
    TestControl control([](std::uint64_t, const std::string&) { return std::vector<std::string>(); });
    ControlClient client(control.Endpoint());
    std::thread stopper([&client] { client.Stop(); });
    EXPECT_EQUAL(ErrorOfCall(client, "hello", Long).Code(), std::string("timeout"));
    stopper.join();
}

TEST(the_clock_of_the_other_side_is_measured) {
    constexpr std::uint64_t ahead = 1'000'000'000'000;
    TestControl control([](std::uint64_t id, const std::string&) {
        const std::map<std::string, std::uint64_t> result{{"received", MonotonicNs() + ahead}, {"session", 7}};
        return std::vector<std::string>{Packed("v", 1, "id", id, "result", result)};
    });
    ControlClient client(control.Endpoint());
    const ClockOffset clock = client.MeasureClock();
    const auto error = clock.aheadNs - static_cast<std::int64_t>(ahead);
    EXPECT(static_cast<std::uint64_t>(error < 0 ? -error : error) <= clock.uncertaintyNs);
    EXPECT_EQUAL(clock.session, std::uint64_t{7});
}

TEST(an_endpoint_that_is_none_is_refused_by_name) {
    ControlClient client("nonsense");
    ExpectContains(ErrorOf<SettingsError>([&client] { client.Call("hello"); }), "nonsense");
}
