#include "OmoteLiveLinkSource.h"

#include "HAL/PlatformTime.h"
#include "ILiveLinkClient.h"
#include "Roles/LiveLinkBasicRole.h"
#include "omote/live_link.h"

void FOmoteLiveLinkSource::ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid)
{
	Client = InClient;
	try
	{
		const omote::Connection Found = OmoteConnection(Connection);
		Machine = FromUtf8(Found.params);
		Subject = FLiveLinkSubjectKey(InSourceGuid, FName(*FromUtf8(Found.subject)));
		Link = MakeUnique<FOmoteLink>(Found, Found.params, TEXT("rgba8"));
		Describe();
	}
	catch (const std::exception& Caught) // also of a system that has no sockets or threads left
	{
		Error = FromUtf8(Caught.what());
		UE_LOG(LogOmote, Error, TEXT("%s"), *Error);
	}
}

void FOmoteLiveLinkSource::Describe()
{
	FLiveLinkStaticDataStruct Data(FLiveLinkBaseStaticData::StaticStruct());
	for (const std::string& Name : omote::LiveLinkNames())
	{
		Data.Cast<FLiveLinkBaseStaticData>()->PropertyNames.Add(FName(*FromUtf8(Name)));
	}
	Client->PushSubjectStaticData_AnyThread(Subject, ULiveLinkBasicRole::StaticClass(), MoveTemp(Data));
}

void FOmoteLiveLinkSource::Update()
{
	if (!Client || !Link || !Link->Receiver->TakeParams(Params))
	{
		return;
	}
	const auto Values = omote::LiveLinkValues(Params);
	const double AgeMs = Link->Receiver->MsSince(Params.header, Params.header.capturedNs).value_or(0);
	FLiveLinkFrameDataStruct Data(FLiveLinkBaseFrameData::StaticStruct());
	FLiveLinkBaseFrameData* Frame = Data.Cast<FLiveLinkBaseFrameData>();
	Frame->WorldTime = FLiveLinkWorldTime(FPlatformTime::Seconds() - AgeMs / 1000);
	Frame->PropertyValues.Append(Values.data(), int32(Values.size()));
	Client->PushSubjectFrameData_AnyThread(Subject, MoveTemp(Data));
}

bool FOmoteLiveLinkSource::RequestSourceShutdown()
{
	Link.Reset(); // joins its threads, which are woken; that takes milliseconds
	Client = nullptr;
	return true;
}

FText FOmoteLiveLinkSource::GetSourceStatus() const
{
	return FText::FromString(Link ? FromUtf8(omote::Describe(Link->Receiver->Report())) : Error);
}
