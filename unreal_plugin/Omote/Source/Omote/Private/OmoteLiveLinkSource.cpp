#include "OmoteLiveLinkSource.h"

#include "HAL/PlatformTime.h"
#include "ILiveLinkClient.h"
#include "Misc/QualifiedFrameTime.h"
#include "Roles/LiveLinkBasicRole.h"
#include "Roles/LiveLinkTransformRole.h"
#include "Roles/LiveLinkTransformTypes.h"
#include "omote/live_link.h"

void FOmoteLiveLinkSource::ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid)
{
	Client = InClient;
	try
	{
		const omote::Connection Found = OmoteConnection(Connection);
		Machine = FromUtf8(Found.params);
		Subject = FLiveLinkSubjectKey(InSourceGuid, FName(*FromUtf8(Found.subject)));
		HeadSubject = FLiveLinkSubjectKey(InSourceGuid, FName(*FromUtf8(Found.subject + "_head")));
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
	FLiveLinkStaticDataStruct HeadData(FLiveLinkTransformStaticData::StaticStruct());
	Client->PushSubjectStaticData_AnyThread(HeadSubject, ULiveLinkTransformRole::StaticClass(), MoveTemp(HeadData));
}

/** The sender's time of day (UTC) when the performer was captured, for takes; at the nearest usual rate to what comes. */
static FQualifiedFrameTime SceneTimeOf(const omote::Header& Header, double Fps)
{
	uint32 Rate = 60;
	for (const uint32 Usual : {24u, 25u, 30u, 50u, 60u})
	{
		if (Fps < Usual + 2)
		{
			Rate = Usual;
			break;
		}
	}
	constexpr uint64 DayNs = 86400000000000;
	return FQualifiedFrameTime(FFrameTime::FromDecimal(double(Header.wallNs % DayNs) * 1e-9 * Rate), FFrameRate(Rate, 1));
}

void FOmoteLiveLinkSource::Update()
{
	if (!Client || !Link || !Link->Receiver->TakeParams(Params))
	{
		return;
	}
	const double AgeMs = Link->Receiver->MsSince(Params.header, Params.header.capturedNs).value_or(0);
	const double WorldTimeS = FPlatformTime::Seconds() - AgeMs / 1000;
	const FQualifiedFrameTime SceneTime = SceneTimeOf(Params.header, Link->Receiver->Report().fps);
	PushFace(SceneTime, WorldTimeS);
	PushHead(SceneTime, WorldTimeS);
}

void FOmoteLiveLinkSource::PushFace(const FQualifiedFrameTime& SceneTime, double WorldTimeS)
{
	const auto Values = omote::LiveLinkValues(Params);
	FLiveLinkFrameDataStruct Data(FLiveLinkBaseFrameData::StaticStruct());
	FLiveLinkBaseFrameData* Frame = Data.Cast<FLiveLinkBaseFrameData>();
	Frame->WorldTime = FLiveLinkWorldTime(WorldTimeS);
	Frame->MetaData.SceneTime = SceneTime;
	Frame->PropertyValues.Append(Values.data(), int32(Values.size()));
	Client->PushSubjectFrameData_AnyThread(Subject, MoveTemp(Data));
}

void FOmoteLiveLinkSource::PushHead(const FQualifiedFrameTime& SceneTime, double WorldTimeS)
{
	const omote::HeadPlace Place = omote::HeadPlaceOf(Params);
	const auto& [X, Y, Z] = Place.centimetres;
	const auto& [TurnX, TurnY, TurnZ, TurnW] = Place.quaternion;
	FLiveLinkFrameDataStruct Data(FLiveLinkTransformFrameData::StaticStruct());
	FLiveLinkTransformFrameData* Frame = Data.Cast<FLiveLinkTransformFrameData>();
	Frame->WorldTime = FLiveLinkWorldTime(WorldTimeS);
	Frame->MetaData.SceneTime = SceneTime;
	Frame->Transform = FTransform(FQuat(TurnX, TurnY, TurnZ, TurnW), FVector(X, Y, Z));
	Client->PushSubjectFrameData_AnyThread(HeadSubject, MoveTemp(Data));
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
