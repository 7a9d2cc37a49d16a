// Senders of this machine, found over UDP.

#include <atomic>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "omote/discovery.h"
#include "omote/error.h"
#include "packed.h"
#include "test.h"

using namespace omote;

namespace {

// An answer with one entry changed.
std::string Answer(std::uint64_t session, const std::string& key = "", const std::string& value = "") {
    const auto text = [&](const char* name, const char* usual) { return key == name ? value : std::string(usual); };
    return Packed("v", key == "v" ? 2 : 1, "name", text("name", "studio"), "subject", text("subject", "omote"),
                  "session", session, "video", text("video", "tcp://127.0.0.1:5557"), "params",
                  text("params", "tcp://127.0.0.1:5556"), "control", text("control", ""), "curve", true, "omote",
                  text("omote", "0.1.0"));
}

// Answers each question at a UDP port of loopback with all of these datagrams.
class Responder {
public:
    explicit Responder(std::vector<std::string> answers) : answers_(std::move(answers)) {
        socket_ = socket(AF_INET, SOCK_DGRAM, 0);
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(here);
        bind(socket_, reinterpret_cast<sockaddr*>(&here), size);
        getsockname(socket_, reinterpret_cast<sockaddr*>(&here), &size);
        port = ntohs(here.sin_port);
        const timeval patience{0, 20000};
        setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        thread_ = std::thread([this] {
            while (!isOver_) Serve();
        });
    }

    ~Responder() {
        isOver_ = true;
        thread_.join();
        close(socket_);
    }

    std::uint16_t port = 0;

private:
    void Serve() {
        char question[100];
        sockaddr_in from{};
        socklen_t size = sizeof(from);
        const auto count = recvfrom(socket_, question, sizeof(question), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (std::string(question, count > 0 ? static_cast<std::size_t>(count) : 0) != "omote? 1") return;
        for (const std::string& answer : answers_) {
            sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }

    const std::vector<std::string> answers_;
    std::atomic<bool> isOver_{false};
    std::thread thread_;
    int socket_ = -1;
};

constexpr std::chrono::milliseconds Patience(400);

}  // namespace

TEST(an_announcement_is_decoded) {
    const std::string answer = Answer(UINT64_MAX);
    const Sender sender = DecodeSender(Bytes(std::string_view(answer)));
    EXPECT_EQUAL(sender.name, std::string("studio"));
    EXPECT_EQUAL(sender.session, UINT64_MAX);
    EXPECT_EQUAL(sender.video, std::string("tcp://127.0.0.1:5557"));
    EXPECT_EQUAL(sender.control, std::string());
    EXPECT(sender.isEncrypted);
}

TEST(what_is_no_announcement_is_refused) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {Answer(1, "v"), "version"},
        {Answer(1, "name", "a\x1b[2J"), "printable"},
        {Answer(1, "video", "ipc:///tmp/a"), "tcp://HOST:PORT"},
        {Packed("v", 1, "name", "a"), "subject"},
        {std::string(1025, 'x'), "1024"},
        {"omote", "announcement"},
    };
    for (const auto& [bytes, word] : cases) {
        ExpectContains(ErrorOf<WireError>([&] { DecodeSender(Bytes(std::string_view(bytes))); }), word);
    }
}

TEST(one_port_lists_one_sender_whatever_it_sends) {
    std::vector<std::string> answers = {"nonsense", std::string(1025, '\x80'), ""};
    for (std::uint64_t session = 0; session < 100; ++session) answers.push_back(Answer(session));
    const Responder hostile(answers);
    const std::vector<Sender> found = FindSenders(Patience, hostile.port);
    EXPECT_EQUAL(found.size(), std::size_t{1});
    EXPECT_EQUAL(found[0].session, std::uint64_t{99});
}

TEST(where_nothing_answers_the_list_is_empty) {
    std::uint16_t port = 0;
    {
        const Responder gone({});
        port = gone.port;
    }
    EXPECT(FindSenders(std::chrono::milliseconds(20), port).empty());
}
