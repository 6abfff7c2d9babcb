// Runs every public static method of the classes whose name ends with Tests: Tests.exe [PART OF A NAME]...
// Exit code 1 when one failed, or none ran. No test framework: none that this compiler takes needs no network.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Reflection;
using System.Threading;

namespace Walstream.Tests
{
    internal static class Program
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

        private static int Main(string[] wanted)
        {
            int run = 0, failed = 0;
            foreach (var test in Tests())
            {
                string name = test.DeclaringType.Name + "." + test.Name;
                if (wanted.Length > 0 && !Array.Exists(wanted, name.Contains)) continue;
                run++;
                var time = Stopwatch.StartNew();
                var failure = Run(test);
                Console.WriteLine((failure == null ? "ok    " : "FAILED ") + name + " (" + time.ElapsedMilliseconds + " ms)");
                if (failure == null) continue;
                failed++;
                Console.WriteLine(failure);
            }
            Console.WriteLine(run + " run, " + failed + " failed");
            return run > 0 && failed == 0 ? 0 : 1;
        }

        private static IEnumerable<MethodInfo> Tests()
        {
            foreach (var type in typeof(Program).Assembly.GetTypes())
            {
                if (!type.Name.EndsWith("Tests", StringComparison.Ordinal)) continue;
                foreach (var method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly)) yield return method;
            }
        }

        // On a thread of its own: a test that hangs is a failure, not a job without end.
        private static Exception Run(MethodInfo test)
        {
            Exception failure = null;
            var thread = new Thread(delegate()
            {
                try
                {
                    ((Action)Delegate.CreateDelegate(typeof(Action), test))();
                }
                catch (Exception thrown)
                {
                    failure = thrown;
                }
            });
            thread.IsBackground = true;
            thread.Start();
            if (thread.Join(Patience)) return failure;
            Console.WriteLine("FAILED " + test.DeclaringType.Name + "." + test.Name + ": not over after " + Patience.TotalSeconds + " s");
            Environment.Exit(1);
            return null;
        }
    }
}
