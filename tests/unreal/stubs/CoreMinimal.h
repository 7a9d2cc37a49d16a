// What the plugin uses of Unreal's core, as far as a compiler that has no Unreal needs it. Written from Epic's public
// documentation of the API; it behaves as far as the tests ask for.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using uint8 = std::uint8_t;
using int32 = std::int32_t;
using uint32 = std::uint32_t;
using uint64 = std::uint64_t;
using int64 = std::int64_t;
using TCHAR = char;

#define TEXT(text) text
#define TCHAR_TO_UTF8(text) (text)
#define UTF8_TO_TCHAR(text) (text)
// Unreal's names for assertions: a core that came after them would not compile.
#define check(claim)
#define verify(claim)
// On a Mac it brings Objective-C's names as well.
#define Nil nullptr
#define nil nullptr
#define YES true
#define NO false
#define TRUE 1
#define FALSE 0
#define PI (3.1415926535897932f)

// Unreal's header tool reads these; a compiler does not.
#define UCLASS(...)
#define UENUM(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
#define GENERATED_BODY()
#define OMOTE_API

struct FString {
    FString() = default;
    FString(const TCHAR* text) : Text(text) {}
    const TCHAR* operator*() const { return Text.c_str(); }
    void Reset() { Text.clear(); }
    bool IsEmpty() const { return Text.empty(); }
    FString& operator+=(const FString& more) {
        Text += more.Text;
        return *this;
    }
    std::string Text;
};
inline FString operator+(const TCHAR* left, const FString& right) { return (left + right.Text).c_str(); }
inline FString operator+(const FString& left, const FString& right) { return (left.Text + right.Text).c_str(); }
inline FString operator+(const FString& left, const TCHAR* right) { return (left.Text + right).c_str(); }

struct FName {
    FName() = default;
    FName(const TCHAR* text) : Text(text) {}
    bool IsNone() const { return Text.empty(); }
    std::string Text;
};

struct FText {
    static FText FromString(const FString& text) { return {text}; }
    const FString& ToString() const { return Text; }
    FString Text;
};

struct FGuid {
    bool IsValid() const { return true; }
};

template <class T>
struct TArray {
    void Add(const T& item) { Items.push_back(item); }
    void Append(const T* items, int32 count) { Items.insert(Items.end(), items, items + count); }
    int64 Num() const { return static_cast<int64>(Items.size()); }
    void Reset() { Items.clear(); }
    auto begin() const { return Items.begin(); }
    auto end() const { return Items.end(); }
    T* GetData() { return Items.data(); }
    T& operator[](int32 index) { return Items[static_cast<std::size_t>(index)]; }
    std::vector<T> Items;
};
template <class T>
using TArray64 = TArray<T>;

template <class T>
struct TObjectPtr {
    TObjectPtr(T* pointer = nullptr) : Pointer(pointer) {}
    operator T*() const { return Pointer; }
    T* operator->() const { return Pointer; }
    T* Pointer;
};

template <class T>
bool IsValid(const TObjectPtr<T>& object) {
    return object.Pointer != nullptr;
}

template <class T>
struct TSharedRef;

template <class T>
struct TSharedPtr {
    TSharedPtr() = default;
    template <class Other>
    TSharedPtr(const TSharedRef<Other>& other) : Pointer(other.Pointer) {}
    template <class Other>
    TSharedPtr(const TSharedPtr<Other>& other) : Pointer(other.Pointer) {}
    explicit operator bool() const { return Pointer != nullptr; }
    bool IsValid() const { return Pointer != nullptr; }
    T* operator->() const { return Pointer.get(); }
    void Reset() { Pointer.reset(); }
    std::shared_ptr<T> Pointer;
};

template <class T>
struct TSharedRef {
    explicit TSharedRef(std::shared_ptr<T> pointer) : Pointer(std::move(pointer)) {}
    template <class Other>
    TSharedRef(const TSharedRef<Other>& other) : Pointer(other.Pointer) {}
    T* operator->() const { return Pointer.get(); }
    std::shared_ptr<T> Pointer;
};

template <class T, class... Arguments>
TSharedRef<T> MakeShared(Arguments&&... arguments) {
    return TSharedRef<T>(std::make_shared<T>(std::forward<Arguments>(arguments)...));
}

template <class T>
struct TUniquePtr {
    TUniquePtr() = default;
    TUniquePtr(std::unique_ptr<T> pointer) : Pointer(std::move(pointer)) {}
    explicit operator bool() const { return Pointer != nullptr; }
    T* operator->() const { return Pointer.get(); }
    void Reset() { Pointer.reset(); }
    std::unique_ptr<T> Pointer;
};

template <class T, class... Arguments>
TUniquePtr<T> MakeUnique(Arguments&&... arguments) {
    return {std::make_unique<T>(std::forward<Arguments>(arguments)...)};
}

template <class T>
T&& MoveTemp(T& value) {
    return static_cast<T&&>(value);
}

template <class Signature>
using TFunction = std::function<Signature>;

struct FLinearColor {
    float R, G, B, A = 1;
};

struct FVector {
    FVector() = default;
    FVector(double x, double y, double z) : X(x), Y(y), Z(z) {}
    double X = 0, Y = 0, Z = 0;
};

struct FQuat {
    FQuat() = default;
    FQuat(double x, double y, double z, double w) : X(x), Y(y), Z(z), W(w) {}
    double X = 0, Y = 0, Z = 0, W = 1;
};

struct FTransform {
    FTransform() = default;
    FTransform(const FQuat& rotation, const FVector& translation) : Rotation(rotation), Translation(translation) {}
    FVector InverseTransformVectorNoScale(const FVector& vector) const { return vector; }
    FQuat Rotation;
    FVector Translation;
};

struct FMemory {
    static void Memcpy(void* to, const void* from, int64 count) {
        std::memcpy(to, from, static_cast<std::size_t>(count));
    }
};

#define DECLARE_LOG_CATEGORY_EXTERN(name, level, compiled)
#define DEFINE_LOG_CATEGORY(name)
#define UE_LOG(category, level, format, ...) std::fprintf(stderr, format "\n", ##__VA_ARGS__)
#define UE_CLOG(claim, category, level, format, ...) \
    if (claim) UE_LOG(category, level, format, ##__VA_ARGS__)

template <class... Values>
struct TStubDelegate {
    void Broadcast(Values... values) const {
        for (const auto& handler : Handlers) handler(values...);
    }
    std::vector<std::function<void(Values...)>> Handlers;
};
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(name, type, parameter) using name = TStubDelegate<type>
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_ThreeParams(name, type1, parameter1, type2, parameter2, type3, parameter3) \
    using name = TStubDelegate<type1, type2, type3>

template <class... Values>
struct TStubSingleDelegate {
    template <class Function>
    static TStubSingleDelegate CreateLambda(Function function) {
        TStubSingleDelegate made;
        made.Handler = std::move(function);
        return made;
    }
    bool ExecuteIfBound(Values... values) const {
        if (Handler) Handler(values...);
        return bool(Handler);
    }
    std::function<void(Values...)> Handler;
};
#define DECLARE_DELEGATE_OneParam(name, type) using name = TStubSingleDelegate<type>
#define DECLARE_DELEGATE_TwoParams(name, type1, type2) using name = TStubSingleDelegate<type1, type2>
