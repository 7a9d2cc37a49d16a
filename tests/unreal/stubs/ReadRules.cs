// Reads Omote.Build.cs as Unreal's build tool does, for a plugin in a folder of the test's: ReadRules FOLDER PLATFORM.

using System;
using UnrealBuildTool;

public static class ReadRules
{
    public static void Main(string[] words)
    {
        ReadOnlyTargetRules target = new ReadOnlyTargetRules { PluginDirectory = words[0], Platform = new UnrealTargetPlatform(words[1]) };
        Omote rules = new Omote(target);
        foreach (string definition in rules.PrivateDefinitions) Console.WriteLine("define " + definition);
        foreach (string library in rules.PublicAdditionalLibraries) Console.WriteLine("link " + library);
        foreach (string library in rules.PublicSystemLibraries) Console.WriteLine("system " + library);
        foreach (string name in rules.PublicDelayLoadDLLs) Console.WriteLine("delay " + name);
        foreach (string staged in rules.RuntimeDependencies.Staged) Console.WriteLine("stage " + staged);
    }
}
