// What Omote.Build.cs uses of Unreal's build tool; tests/unreal/used-api.tsv says where it was looked up.

using System.Collections.Generic;

namespace UnrealBuildTool
{
    public sealed class UnrealTargetPlatform
    {
        public static readonly UnrealTargetPlatform Win64 = new UnrealTargetPlatform("Win64");
        public static readonly UnrealTargetPlatform Linux = new UnrealTargetPlatform("Linux");

        private readonly string _name;

        public UnrealTargetPlatform(string name) { _name = name; }

        public override string ToString() { return _name; }
        public override bool Equals(object other) { return other is UnrealTargetPlatform && ToString() == other.ToString(); }
        public override int GetHashCode() { return _name.GetHashCode(); }
        public static bool operator ==(UnrealTargetPlatform left, UnrealTargetPlatform right) { return left.Equals(right); }
        public static bool operator !=(UnrealTargetPlatform left, UnrealTargetPlatform right) { return !left.Equals(right); }
    }

    public sealed class ReadOnlyTargetRules
    {
        public UnrealTargetPlatform Platform = UnrealTargetPlatform.Win64;
        public bool bBuildEditor;
        public string PluginDirectory = ""; // of the stand-in; the build tool knows it by itself
    }

    public sealed class RuntimeDependencyList
    {
        public readonly List<string> Staged = new List<string>();

        public void Add(string path, string source) { Staged.Add(path + " < " + source); }
    }

    public abstract class ModuleRules
    {
        public enum PCHUsageMode { NoPCHs }

        protected ModuleRules(ReadOnlyTargetRules target) { PluginDirectory = target.PluginDirectory; }

        public PCHUsageMode PCHUsage;
        public bool bUseUnity, bEnableExceptions;
        public string PluginDirectory { get; private set; }
        public List<string> PublicDependencyModuleNames = new List<string>(), PrivateDependencyModuleNames = new List<string>();
        public List<string> PrivateIncludePaths = new List<string>(), PublicSystemIncludePaths = new List<string>();
        public List<string> PrivateDefinitions = new List<string>(), PublicAdditionalLibraries = new List<string>();
        public List<string> PublicSystemLibraries = new List<string>();
        public List<string> PublicDelayLoadDLLs = new List<string>();
        public RuntimeDependencyList RuntimeDependencies = new RuntimeDependencyList();
    }
}
