#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "omote/control_client.h"

namespace omote {

/// What came of a request.
struct Answer {
    std::string method;
    bool isDone = false;
    std::string text;  // the result as JSON, or the code and sentence of the error
};

/// Asks Omote for things in a thread of its own, so that a game never waits for an answer.
class ControlQueue {
public:
    explicit ControlQueue(std::shared_ptr<ControlClient> control);
    ~ControlQueue();  // gives up what waits, and stops the control client
    ControlQueue(const ControlQueue&) = delete;
    ControlQueue& operator=(const ControlQueue&) = delete;

    /// Asks when those before it are answered. A request that waits is replaced by a newer one of the same method; with
    /// eight waiting, a ninth is answered at once, as not done.
    void Ask(std::string method, Arguments arguments);

    /// What was answered since the last call.
    std::vector<Answer> TakeAnswers();

private:
    struct Request {
        std::string method;
        Arguments arguments;
    };

    void Run();
    void Note(Answer answer);
    Answer AnswerTo(const Request& request) const;

    const std::shared_ptr<ControlClient> control_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Request> waiting_;
    std::vector<Answer> answers_;
    bool isStopping_ = false;
    std::thread thread_;
};

}  // namespace omote
