#include "OmoteExpressionsComponent.h"

#include "OmoteLink.h"
#include "omote/recognition.h"

/** What listens, and what it heard last. */
struct FOmoteFaceLink
{
	FOmoteLink Link;
	omote::Params Face;
	std::vector<std::string> Made;

	explicit FOmoteFaceLink(const omote::Connection& Found) : Link(Found, Found.params, TEXT("rgba8")) {}
};

void UOmoteExpressionsComponent::Start()
{
	Stop();
	LastError.Reset();
	try
	{
		Link = MakeShared<FOmoteFaceLink>(OmoteConnection(Connection));
	}
	catch (const std::exception& Caught) // also of a system that has no sockets or threads left
	{
		LastError = FromUtf8(Caught.what());
		UE_LOG(LogOmote, Error, TEXT("%s"), *LastError);
	}
}

void UOmoteExpressionsComponent::Stop()
{
	const TArray<FString> Ended = Recognised;
	Link.Reset(); // joins its threads, which are woken; that takes milliseconds
	Recognised.Reset();
	Confidence = Presence = 0;
	for (const FString& Name : Ended)
	{
		OnExpressionEnded.Broadcast(Name);
	}
}

void UOmoteExpressionsComponent::TickComponent(float DeltaS, ELevelTick Type, FActorComponentTickFunction* Function)
{
	Super::TickComponent(DeltaS, Type, Function);
	if (!Link)
	{
		return;
	}
	const omote::Receiver& Receiver = *Link->Link.Receiver;
	const bool bIsNew = Link->Link.Receiver->TakeParams(Link->Face);
	const omote::Statistics Report = Receiver.Report();
	LastError = FromUtf8(Report.lastError);
	if (Report.state == omote::State::Stale) // what was made when the stream broke off is made no longer
	{
		Link->Face = omote::Params();
	}
	else if (!bIsNew)
	{
		return;
	}
	const omote::RecognitionChange Change = omote::ChangeOf(Link->Made, Link->Face.recognised);
	Link->Made = Link->Face.recognised;
	Confidence = Link->Face.confidence;
	Presence = Link->Face.presence;
	Recognised.Reset();
	for (const std::string& Name : Link->Made)
	{
		Recognised.Add(FromUtf8(Name));
	}
	for (const std::string& Name : Change.ended)
	{
		OnExpressionEnded.Broadcast(FromUtf8(Name));
	}
	for (const std::string& Name : Change.began)
	{
		if (Link) // a handler may have stopped it
		{
			OnExpressionBegan.Broadcast(FromUtf8(Name));
		}
	}
}
