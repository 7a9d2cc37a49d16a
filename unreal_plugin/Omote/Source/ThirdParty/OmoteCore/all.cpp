// The whole core as one file, for a build system that is told of one: Unreal's.

#if defined(_WIN32) && !defined(NOMINMAX)
#define NOMINMAX  // zmq.h brings windows.h
#endif

#include "src/announcement.cpp"
#include "src/arguments.cpp"
#include "src/client_keys.cpp"
#include "src/clock.cpp"
#include "src/clock_keeper.cpp"
#include "src/connection.cpp"
#include "src/control_client.cpp"
#include "src/control_message.cpp"
#include "src/control_queue.cpp"
#include "src/envelope.cpp"
#include "src/format.cpp"
#include "src/incoming.cpp"
#include "src/jpeg.cpp"
#include "src/light.cpp"
#include "src/live_link.cpp"
#include "src/lz4.cpp"
#include "src/params.cpp"
#include "src/picture.cpp"
#include "src/picture_pool.cpp"
#include "src/receiver.cpp"
#include "src/reception.cpp"
#include "src/recognition.cpp"
#include "src/socket.cpp"
#include "src/utf8.cpp"
#include "src/value.cpp"
