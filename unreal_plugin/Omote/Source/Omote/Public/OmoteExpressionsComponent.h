#pragma once

#include "Components/ActorComponent.h"
#include "CoreMinimal.h"
#include "OmoteExpressionsComponent.generated.h"

// FString, not FName: what a sender calls an expression must not stay in the game's table of names.
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FOmoteExpressionChanged, FString, Name);

/** The expressions that the performer makes, as events: a smile opens a door. */
UCLASS(ClassGroup = (Omote), meta = (BlueprintSpawnableComponent))
class OMOTE_API UOmoteExpressionsComponent : public UActorComponent
{
	GENERATED_BODY()

public:
	UOmoteExpressionsComponent() { PrimaryComponentTick.bCanEverTick = true; }

	/** "params=tcp://HOST:5556;keys=FILE"; empty: as Game.ini says, or this machine. */
	UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Omote") FString Connection;

	/** What the performer makes now: smile, surprise, blink, wink_left, brow_raise, tongue and the like. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") TArray<FString> Recognised;
	/** 0 where the tracker sees no face, else how well it fits, to 1. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") float Confidence = 0;
	/** 1 the performer's face, 0 the idle one; between, it eases from one to the other. */
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") float Presence = 0;
	UPROPERTY(VisibleAnywhere, Transient, BlueprintReadOnly, Category = "Omote") FString LastError;

	/** One that comes and goes within a frame is not reported. */
	UPROPERTY(BlueprintAssignable, Category = "Omote") FOmoteExpressionChanged OnExpressionBegan;
	/** The performer makes it no longer, or nothing comes any more. */
	UPROPERTY(BlueprintAssignable, Category = "Omote") FOmoteExpressionChanged OnExpressionEnded;

	/** Connects, also after Connection was changed. Called when play begins. */
	UFUNCTION(BlueprintCallable, Category = "Omote") void Start();
	UFUNCTION(BlueprintCallable, Category = "Omote") void Stop();

	virtual void BeginPlay() override { Super::BeginPlay(); Start(); }
	virtual void EndPlay(const EEndPlayReason::Type Reason) override { Stop(); Super::EndPlay(Reason); }
	virtual void TickComponent(float DeltaS, ELevelTick Type, FActorComponentTickFunction* Function) override;

private:
	TSharedPtr<struct FOmoteFaceLink> Link;
};
