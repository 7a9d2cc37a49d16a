#pragma once

#include "CoreMinimal.h"
#include "Widgets/DeclarativeSyntaxSupport.h"
#include "Widgets/SCompoundWidget.h"

class SEditableTextBox;
class STextBlock;
class SVerticalBox;
namespace omote { struct Sender; }

DECLARE_DELEGATE_OneParam(FOmoteConnectionChosen, FString);

/** Where Omote is: a list of the senders of this machine, and fields for the address and the key file of another one. */
class SOmoteSourcePanel : public SCompoundWidget
{
public:
	SLATE_BEGIN_ARGS(SOmoteSourcePanel) {}
		SLATE_EVENT(FOmoteConnectionChosen, OnChosen)
	SLATE_END_ARGS()

	void Construct(const FArguments& Arguments);

private:
	FReply Find();
	FReply Connect();
	FReply Use(const omote::Sender& Sender);

	FOmoteConnectionChosen OnChosen;
	TSharedPtr<SEditableTextBox> Params, Control, Subject, Keys;
	TSharedPtr<SVerticalBox> Senders;
	TSharedPtr<STextBlock> Notice;
};
