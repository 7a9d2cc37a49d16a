using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Omote.Core.Tests")]
