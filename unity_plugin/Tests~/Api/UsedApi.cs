using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

namespace Omote.Api
{
    /// <summary>`usedapi STAND-INS... -- ASSEMBLIES...`: prints each member of the stand-ins that the assemblies call, one a line.</summary>
    internal static class UsedApi
    {
        private const int MemberReference = 0x0A000000;

        private static void Main(string[] arguments)
        {
            int end = Array.IndexOf(arguments, "--");
            var standIns = new HashSet<string>(arguments.Take(end).Select(file => Assembly.LoadFrom(file).GetName().Name));
            var found = new SortedSet<string>(StringComparer.Ordinal);
            foreach (string file in arguments.Skip(end + 1))
                foreach (MemberInfo member in References(Assembly.LoadFrom(file).ManifestModule))
                    if (standIns.Contains(member.DeclaringType.Assembly.GetName().Name)) found.Add(Describe(member));
            foreach (string each in found) Console.WriteLine(each);
        }

        private static IEnumerable<MemberInfo> References(Module module)
        {
            for (int i = 1; ; i++)
            {
                MemberInfo member;
                try
                {
                    member = module.ResolveMember(MemberReference + i, new Type[0], new Type[0]);
                }
                catch (ArgumentOutOfRangeException) // there are no more
                {
                    yield break;
                }
                if (member != null) yield return member;
            }
        }

        private static string Describe(MemberInfo member)
        {
            string type = Name(member.DeclaringType), name = member.Name.TrimStart('.');
            var method = member as MethodBase;
            if (method == null) return type + " " + name;
            string inputs = string.Join(", ", method.GetParameters().Select(each => Name(each.ParameterType)));
            return type + " " + name + "(" + inputs + ")";
        }

        private static string Name(Type type)
        {
            if (type.IsByRef) return "ref " + Name(type.GetElementType());
            if (type.IsArray) return Name(type.GetElementType()) + "[]";
            string plain = type.Name.Split('`')[0];
            return type.IsNested && !type.IsGenericParameter ? Name(type.DeclaringType) + "." + plain : plain;
        }
    }
}
