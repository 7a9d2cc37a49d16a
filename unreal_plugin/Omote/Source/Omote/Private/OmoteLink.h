#pragma once

#include "CoreMinimal.h"
#include "omote/clock_keeper.h"
#include "omote/connection.h"
#include "omote/control_queue.h"
#include "omote/picture_pool.h"

DECLARE_LOG_CATEGORY_EXTERN(LogOmote, Log, All);
/** Why libzmq, which key files need, cannot be called; empty where it can. Calling it all the same would end the game. */
extern FString OmoteLibraryError;

inline std::string ToUtf8(const FString& Text) { return TCHAR_TO_UTF8(*Text); }
inline FString FromUtf8(const std::string& Text) { return UTF8_TO_TCHAR(Text.c_str()); }

/** Where Omote is: Game.ini's `Connection` under [Omote], then what `Changes` says. omote::Error where it is unusable. */
omote::Connection OmoteConnection(const FString& Changes);

/** All that one portrait or one Live Link source talks to Omote through. */
struct FOmoteLink
{
	std::shared_ptr<omote::Receiver> Receiver;
	omote::PicturePool Pictures;
	omote::ControlQueue Control;
	omote::ClockKeeper Clock;

	/** Connects; std::exception where something of it cannot be used. */
	FOmoteLink(const omote::Connection& Connection, const std::string& Endpoint, const FString& Format);
};
