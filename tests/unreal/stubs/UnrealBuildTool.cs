// What Omote.Build.cs uses of Unreal's build tool.

using System;
using System.Collections.Generic;

namespace UnrealBuildTool
{
    public sealed class BuildException : Exception
    {
        public BuildException(string message) : base(message) {}
    }

    public sealed class UnrealTargetPlatform
    {
        public static readonly UnrealTargetPlatform Win64 = new UnrealTargetPlatform();
        public static readonly UnrealTargetPlatform Linux = new UnrealTargetPlatform();
    }

    public sealed class ReadOnlyTargetRules
    {
        public UnrealTargetPlatform Platform = UnrealTargetPlatform.Win64;
    }

    public sealed class RuntimeDependencyList
    {
        public void Add(string path, string source) {}
    }

    public abstract class ModuleRules
    {
        public enum PCHUsageMode { NoPCHs }

        protected ModuleRules(ReadOnlyTargetRules target) {}

        public PCHUsageMode PCHUsage;
        public bool bUseUnity, bEnableExceptions;
        public string PluginDirectory = "";
        public List<string> PublicDependencyModuleNames = new List<string>(), PrivateDependencyModuleNames = new List<string>();
        public List<string> PrivateIncludePaths = new List<string>(), PublicSystemIncludePaths = new List<string>();
        public List<string> PrivateDefinitions = new List<string>(), PublicAdditionalLibraries = new List<string>();
        public List<string> PublicDelayLoadDLLs = new List<string>();
        public RuntimeDependencyList RuntimeDependencies = new RuntimeDependencyList();
    }
}
