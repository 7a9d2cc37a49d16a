#include "SOmoteSourcePanel.h"

#include "OmoteLink.h"
#include "Widgets/Input/SButton.h"
#include "Widgets/Input/SEditableTextBox.h"
#include "Widgets/SBoxPanel.h"
#include "Widgets/Text/STextBlock.h"
#include "omote/discovery.h"

static FText Words(const FString& Text)
{
	return FText::FromString(Text);
}

/** A field under its name; empty, it leaves what Game.ini says, or this machine. */
static TSharedRef<SWidget> Field(TSharedPtr<SEditableTextBox>& Box, const TCHAR* Name, const TCHAR* Usual)
{
	return SNew(SVerticalBox)
		+ SVerticalBox::Slot().AutoHeight()[SNew(STextBlock).Text(Words(Name))]
		+ SVerticalBox::Slot().AutoHeight()[SAssignNew(Box, SEditableTextBox).HintText(Words(Usual))];
}

void SOmoteSourcePanel::Construct(const FArguments& Arguments)
{
	OnChosen = Arguments._OnChosen;
	ChildSlot
	[
		SNew(SVerticalBox)
		+ SVerticalBox::Slot().AutoHeight()
		[
			SNew(SButton).Text(Words(TEXT("Find senders on this machine"))).OnClicked(this, &SOmoteSourcePanel::Find)
		]
		+ SVerticalBox::Slot().AutoHeight()[SAssignNew(Senders, SVerticalBox)]
		+ SVerticalBox::Slot().AutoHeight()[SAssignNew(Notice, STextBlock).AutoWrapText(true)]
		+ SVerticalBox::Slot().AutoHeight()[Field(Params, TEXT("Faces (params)"), TEXT("tcp://127.0.0.1:5556"))]
		+ SVerticalBox::Slot().AutoHeight()[Field(Control, TEXT("Requests (control)"), TEXT("tcp://127.0.0.1:5558"))]
		+ SVerticalBox::Slot().AutoHeight()[Field(Subject, TEXT("Subject"), TEXT("omote"))]
		+ SVerticalBox::Slot().AutoHeight()[Field(Keys, TEXT("Key file"), TEXT("for another machine"))]
		+ SVerticalBox::Slot().AutoHeight()
		[
			SNew(SButton).Text(Words(TEXT("Connect"))).OnClicked(this, &SOmoteSourcePanel::Connect)
		]
	];
}

FReply SOmoteSourcePanel::Find()
{
	Senders->ClearChildren();
	try
	{
		const std::vector<omote::Sender> Found = omote::FindSenders(); // takes 0.3 s
		for (const omote::Sender& Sender : Found)
		{
			const FString Name = FromUtf8(Sender.name + ": " + Sender.subject + (Sender.isEncrypted ? ", needs a key file" : ""));
			Senders->AddSlot().AutoHeight()
			[
				SNew(SButton).Text(Words(Name)).OnClicked_Lambda([this, Sender] { return Use(Sender); })
			];
		}
		Notice->SetText(Words(Found.empty() ? TEXT("None answers. Start one: omote live") : TEXT("")));
	}
	catch (const std::exception& Caught)
	{
		Notice->SetText(Words(FromUtf8(Caught.what())));
	}
	return FReply::Handled();
}

FReply SOmoteSourcePanel::Use(const omote::Sender& Sender)
{
	Params->SetText(Words(FromUtf8(Sender.params)));
	Control->SetText(Words(FromUtf8(Sender.control)));
	Subject->SetText(Words(FromUtf8(Sender.subject)));
	return FReply::Handled();
}

FReply SOmoteSourcePanel::Connect()
{
	FString Connection;
	const auto Add = [&Connection](const TCHAR* Name, const TSharedPtr<SEditableTextBox>& Box)
	{
		const FString Value = Box->GetText().ToString();
		Connection += Value.IsEmpty() ? FString() : FString(Name) + Value + TEXT(";");
	};
	Add(TEXT("params="), Params);
	Add(TEXT("control="), Control);
	Add(TEXT("subject="), Subject);
	Add(TEXT("keys="), Keys);
	try
	{
		OmoteConnection(Connection).Keys(); // says here what is wrong with it, and not in the list of sources
		OnChosen.ExecuteIfBound(Connection);
	}
	catch (const std::exception& Caught)
	{
		Notice->SetText(Words(FromUtf8(Caught.what())));
	}
	return FReply::Handled();
}
