// What a receiver counts, at times that the test chooses.

#include "omote/reception.h"
#include "test.h"
#include "vectors.h"

using namespace omote;

namespace {

constexpr std::uint64_t Ms = 1'000'000;

// A picture of the stored vector's session, captured 20 ms and sent 3 ms before it comes.
void Arrive(Reception& reception, std::uint64_t sequence, std::uint64_t nowNs, std::uint64_t session = 1) {
    Document document;
    const Message message = StoredMessage("wire_video");
    Envelope envelope = message.Envelope(document);
    envelope.header.sequence = sequence;
    envelope.header.session = session;
    envelope.header.capturedNs = nowNs - 20 * Ms;
    envelope.header.sentNs = nowNs - 3 * Ms;
    reception.Accept(envelope, nowNs);
}

}  // namespace

TEST(every_gap_is_counted) {
    Reception reception(true);
    reception.Start();
    Arrive(reception, 5, 1000 * Ms);  // who comes late has missed nothing
    Arrive(reception, 6, 1016 * Ms);
    Arrive(reception, 9, 1066 * Ms);
    const Statistics report = reception.Report(1066 * Ms);
    EXPECT_EQUAL(report.received, std::uint64_t{3});
    EXPECT_EQUAL(report.missed, std::uint64_t{2});
}

TEST(another_session_counts_anew) {
    Reception reception(true);
    reception.Start();
    Arrive(reception, 500, 1000 * Ms, 1);
    Arrive(reception, 0, 1016 * Ms, 2);
    const Statistics report = reception.Report(1016 * Ms);
    EXPECT_EQUAL(report.missed, std::uint64_t{0});
    EXPECT_EQUAL(report.sessions, std::uint64_t{2});
}

TEST(half_a_second_without_a_picture_is_stale) {
    Reception reception(true);
    EXPECT(reception.Report(0).state == State::Stopped);
    reception.Start();
    EXPECT(reception.Report(0).state == State::Connecting);
    Arrive(reception, 0, 1000 * Ms);
    EXPECT(reception.Report(1500 * Ms).state == State::Live);
    EXPECT(reception.Report(1501 * Ms).state == State::Stale);
    Arrive(reception, 1, 2000 * Ms);
    EXPECT(reception.Report(2000 * Ms).state == State::Live);
}

TEST(schema_and_hello_do_not_make_it_live) {
    Reception reception(true);
    reception.Start();
    Document document;
    const Message message = StoredMessage("wire_hello");
    reception.Accept(message.Envelope(document), 1000 * Ms);
    EXPECT(reception.Report(1000 * Ms).state == State::Connecting);
}

TEST(why_there_is_no_connection_is_said_until_there_is_one) {
    Reception reception(true);
    reception.Start();
    reception.SetLink({false, true, "name a key file"});
    EXPECT(reception.Report(0).state == State::Refused);
    EXPECT_EQUAL(reception.Report(0).lastError, std::string("name a key file"));
    reception.SetLink({false, false, "nothing listens"});
    EXPECT(reception.Report(0).state == State::Connecting);
    EXPECT_EQUAL(reception.Report(0).lastError, std::string("nothing listens"));
    reception.SetLink({true, false, ""});
    EXPECT_EQUAL(reception.Report(0).lastError, std::string());
}

TEST(fps_age_and_transit_are_those_of_the_last_pictures) {
    Reception reception(true);
    reception.Start();
    for (std::uint64_t frame = 0; frame < 101; ++frame) Arrive(reception, frame, (1000 + 20 * frame) * Ms);
    const Statistics report = reception.Report(3000 * Ms);
    EXPECT_EQUAL(report.fps, 50.0);
    EXPECT(report.isAgeKnown);
    EXPECT_EQUAL(report.ageP50Ms, 20.0);
    EXPECT_EQUAL(report.ageP99Ms, 20.0);
    EXPECT_EQUAL(report.transitP50Ms, 3.0);
    EXPECT_EQUAL(report.transitP99Ms, 3.0);
    EXPECT_EQUAL(Describe(report), std::string("live, 50 fps, 20 ms old, 0 lost"));
    EXPECT_EQUAL(reception.Report(9000 * Ms).fps, 0.0);
}

TEST(the_age_of_another_machines_picture_is_known_once_its_clock_was_measured) {
    Reception reception(false);
    reception.Start();
    Arrive(reception, 0, 1000 * Ms, 1);
    EXPECT(!reception.Report(1000 * Ms).isAgeKnown);
    reception.SetClock({static_cast<std::int64_t>(5 * Ms), 0, 1});
    Arrive(reception, 1, 1020 * Ms, 1);
    EXPECT(reception.Report(1020 * Ms).isAgeKnown);
    EXPECT_EQUAL(reception.Report(1020 * Ms).ageP50Ms, 25.0);
}

TEST(a_clock_holds_for_its_session_only) {
    Reception reception(false);
    reception.Start();
    reception.SetClock({0, 0, 1});
    Header header;
    header.session = 2;
    EXPECT(!reception.Since(header, 0, 5));
}

TEST(times_from_the_far_end_of_the_clock_do_no_harm) {
    Reception reception(true);
    reception.Start();
    Header header;
    header.capturedNs = UINT64_MAX;
    EXPECT_EQUAL(*reception.Since(header, header.capturedNs, 4), std::int64_t{5});
}
