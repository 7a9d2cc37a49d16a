#pragma once

#include "ILiveLinkSource.h"
#include "LiveLinkTypes.h"
#include "OmoteLink.h"

/**
 * The face as a Live Link subject: 52 ARKit curves, head and eyes, under the names of Unreal's ARKit mappings, as Epic's
 * own ARKit source gives them. A second subject, SUBJECT_head, is the head's transform, for a bone or an actor.
 */
class FOmoteLiveLinkSource : public ILiveLinkSource
{
public:
	explicit FOmoteLiveLinkSource(const FString& InConnection) : Connection(InConnection) {}

	virtual void ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid) override;
	virtual void Update() override;
	virtual bool IsSourceStillValid() const override { return Client != nullptr; }
	virtual bool RequestSourceShutdown() override;
	virtual FText GetSourceType() const override { return FText::FromString(TEXT("Omote")); }
	virtual FText GetSourceMachineName() const override { return FText::FromString(Machine); }
	virtual FText GetSourceStatus() const override;

private:
	void Describe();
	void PushFace(const FQualifiedFrameTime& SceneTime, double WorldTimeS);
	void PushHead(const FQualifiedFrameTime& SceneTime, double WorldTimeS);

	const FString Connection;
	FString Machine;
	FString Error;
	FLiveLinkSubjectKey Subject, HeadSubject;
	ILiveLinkClient* Client = nullptr;
	TUniquePtr<FOmoteLink> Link;
	omote::Params Params;
};
