// Requests that a game does not wait for.

#include <atomic>
#include <map>

#include "control_server.h"
#include "omote/control_queue.h"
#include "packed.h"
#include "test.h"

using namespace omote;

namespace {

using Texts = std::map<std::string, std::string>;

std::vector<Answer> AnswersOf(ControlQueue& queue, std::size_t count) {
    std::vector<Answer> answers;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (answers.size() < count && std::chrono::steady_clock::now() < deadline) {
        for (Answer& answer : queue.TakeAnswers()) answers.push_back(std::move(answer));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQUAL(answers.size(), count);
    return answers;
}

}  // namespace

TEST(results_and_errors_come_back_in_order) {
    TestControl control([](std::uint64_t id, const std::string& method) {
        const Texts error{{"code", "failed"}, {"message", "no face is seen"}};
        const bool isError = method == "recalibrate";
        return std::vector<std::string>{isError ? Packed("v", 1, "id", id, "error", error)
                                                : Packed("v", 1, "id", id, "result", Texts{{"character", "ada"}})};
    });
    ControlQueue queue(std::make_shared<ControlClient>(control.Endpoint()));
    queue.Ask("set_character", Arguments().Text("name", "ada"));
    queue.Ask("recalibrate", {});
    const auto answers = AnswersOf(queue, 2);
    EXPECT(answers[0].isDone && answers[0].method == "set_character");
    ExpectContains(answers[0].text, "ada");
    EXPECT(!answers[1].isDone);
    EXPECT_EQUAL(answers[1].text, std::string("failed: no face is seen"));
}

TEST(a_request_that_waits_is_replaced_by_a_newer_one_and_the_ninth_is_busy) {
    std::atomic<bool> mayAnswer{false};
    std::atomic<int> asked{0};
    TestControl control([&](std::uint64_t id, const std::string&) {
        ++asked;
        while (!mayAnswer) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return std::vector<std::string>{Packed("v", 1, "id", id, "result", Texts{})};
    });
    ControlQueue queue(std::make_shared<ControlClient>(control.Endpoint()));
    queue.Ask("set_character", {});  // the most patient
    while (asked == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (int light = 0; light < 100; ++light) queue.Ask("set_light", Arguments().Null("harmonics"));
    for (int method = 0; method < 7; ++method) queue.Ask("method" + std::to_string(method), {});
    queue.Ask("ninth", {});
    const auto busy = AnswersOf(queue, 1);
    ExpectContains(busy[0].text, "busy");
    EXPECT_EQUAL(busy[0].method, std::string("ninth"));
    mayAnswer = true;
    AnswersOf(queue, 9);
    EXPECT_EQUAL(asked.load(), 9);
}

TEST(a_queue_ends_while_nobody_answers) {
    ControlQueue queue(std::make_shared<ControlClient>("tcp://127.0.0.1:1"));
    queue.Ask("hello", {});
}
