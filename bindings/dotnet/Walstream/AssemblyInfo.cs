using System.Reflection;
using System.Runtime.CompilerServices;

[assembly: AssemblyTitle("Walstream")]
[assembly: AssemblyDescription("PostgreSQL's replication stream for .NET")]
[assembly: AssemblyVersion("0.1.0.0")]
[assembly: AssemblyFileVersion("0.1.0.0")]
[assembly: AssemblyInformationalVersion("0.1.0")]
[assembly: InternalsVisibleTo("Walstream.Tests")]
