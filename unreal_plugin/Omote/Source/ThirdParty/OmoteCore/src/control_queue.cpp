#include "omote/control_queue.h"

#include <algorithm>

namespace omote {

namespace {

constexpr std::size_t MostWaiting = 8;
constexpr std::size_t MostAnswers = 64;  // that nobody takes

}  // namespace

ControlQueue::ControlQueue(std::shared_ptr<ControlClient> control)
    : control_(std::move(control)), thread_([this] { Run(); }) {}

ControlQueue::~ControlQueue() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        isStopping_ = true;
    }
    changed_.notify_one();
    control_->Stop();
    thread_.join();
}

void ControlQueue::Ask(std::string method, Arguments arguments) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto isSame = [&method](const Request& request) { return request.method == method; };
        const auto same = std::find_if(waiting_.begin(), waiting_.end(), isSame);
        if (same != waiting_.end()) {
            same->arguments = std::move(arguments);
        } else if (waiting_.size() < MostWaiting) {
            waiting_.push_back({std::move(method), std::move(arguments)});
        } else {
            Note({std::move(method), false, "busy: 8 requests wait for their answers already"});
        }
    }
    changed_.notify_one();
}

std::vector<Answer> ControlQueue::TakeAnswers() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(answers_, {});
}

void ControlQueue::Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return isStopping_ || !waiting_.empty(); });
        if (isStopping_) return;
        const Request request = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        Answer answer = AnswerTo(request);
        lock.lock();
        Note(std::move(answer));
    }
}

void ControlQueue::Note(Answer answer) {
    if (answers_.size() < MostAnswers) answers_.push_back(std::move(answer));
}

Answer ControlQueue::AnswerTo(const Request& request) const {
    try {
        return {request.method, true, control_->Call(request.method, request.arguments).Get().ToJson()};
    } catch (const ControlError& error) {
        return {request.method, false, error.Code() + ": " + error.what()};
    } catch (const Error& error) {
        return {request.method, false, error.what()};
    }
}

}  // namespace omote
