#include "listen.h"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <thread>

#include "figures.h"
#include "jpeg_file.h"
#include "omote/clock.h"
#include "omote/receiver.h"

namespace {

constexpr std::chrono::milliseconds Patience(50);

omote::ReceiverSettings SettingsOf(const CommandLine& line) {
    omote::ReceiverSettings settings;
    settings.endpoint = line.endpoint;
    settings.subject = line.subject;
    settings.format = line.format;
    settings.order = omote::Order::Rgba;
    settings.jpeg = LibjpegDecoder();
    if (!line.keys.empty()) settings.keys = omote::ClientKeys::Load(line.keys);
    return settings;
}

// The consumer: what a game does in its frame.
class Consumer {
public:
    explicit Consumer(const CommandLine& line) : line_(line), receiver_(SettingsOf(line)) {}

    void Run() {
        receiver_.Start();
        std::puts("ready");
        std::fflush(stdout);
        const auto start = std::chrono::steady_clock::now();
        while (!IsDone(start)) {
            if (TakeOne()) std::this_thread::sleep_for(std::chrono::milliseconds(line_.workMs));
        }
        PrintSummary();
    }

private:
    bool IsDone(std::chrono::steady_clock::time_point start) const {
        if (line_.count && taken_ >= *line_.count) return true;
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        return line_.seconds && passed.count() >= *line_.seconds;
    }

    bool TakeOne() {
        if (line_.isParams) {
            if (!receiver_.TakeParams(face_, Patience)) return false;
            const omote::Bytes weights(face_.shownWeights.data(), sizeof(face_.shownWeights));
            Note(face_.header, face_.arrivedNs, static_cast<int>(omote::WeightCount), 1, weights);
        } else {
            if (!receiver_.TakePicture(picture_, Patience)) return false;
            const omote::Bytes pixels(picture_.pixels.data(), picture_.pixels.size());
            Note(picture_.header, picture_.arrivedNs, picture_.width, picture_.height, pixels);
        }
        return true;
    }

    void Note(const omote::Header& header, std::uint64_t arrivedNs, int width, int height, omote::Bytes content) {
        const double usedMs = receiver_.MsSince(header, header.sentNs).value_or(0);
        if (taken_++ >= line_.warmUp) {
            used_.Add(usedMs);
            const auto sinceArrivalNs = static_cast<std::int64_t>(omote::MonotonicNs() - arrivedNs);
            arrival_.Add(usedMs - static_cast<double>(sinceArrivalNs) / 1e6);
        }
        if (!line_.isListing) return;
        std::printf("frame %" PRIu64 " %" PRIu64 " %d %d %08x\n", header.index, header.sequence, width, height,
                    static_cast<unsigned>(Crc32(content)));
        std::fflush(stdout);
    }

    void PrintSummary() const {
        const omote::Statistics report = receiver_.Report();
        std::printf("{\"received\":%" PRIu64 ",\"taken\":%ld,\"missed\":%" PRIu64 ",\"skipped\":%" PRIu64
                    ",\"rejected\":%" PRIu64 ",\"sessions\":%" PRIu64 ",\"stale\":%s,\"state\":\"%s\","
                    "\"arrival_ms\":%s,\"used_ms\":%s,\"gc\":0,\"error\":%s}\n",
                    report.received, taken_, report.missed, report.skipped, report.rejected, report.sessions,
                    report.state == omote::State::Live ? "false" : "true", omote::StateWord(report.state),
                    arrival_.ToJson().c_str(), used_.ToJson().c_str(), JsonText(report.lastError).c_str());
    }

    const CommandLine& line_;
    omote::Receiver receiver_;
    omote::Picture picture_;
    omote::Params face_;
    Figures arrival_;
    Figures used_;
    long taken_ = 0;
};

}  // namespace

void Listen(const CommandLine& line) { Consumer(line).Run(); }
