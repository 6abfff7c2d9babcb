// Prints every event as one line of JSON, as the hosts of all languages do: their output is compared byte by byte.
//
//   host CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE]...
//
// Acknowledges nothing, so that the next host reads the same.
using System;
using System.IO;
using System.Text;

namespace Walstream.Conformance
{
    internal static class Host
    {
        private static int Main(string[] arguments)
        {
            if (arguments.Length < 4)
            {
                Console.Error.WriteLine("usage: host CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE]...");
                return 2;
            }
            try
            {
                using (var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { NewLine = "\n" })
                using (var stream = WalStream.Open(arguments[0], Options(arguments)))
                    foreach (var change in stream.ReadEvents()) output.WriteLine(change.ToJson());
                return 0;
            }
            catch (WalStreamException failure)
            {
                Console.Error.WriteLine(failure);
                return 1;
            }
        }

        private static WalStreamOptions Options(string[] arguments)
        {
            var options = new WalStreamOptions { Slot = arguments[1], Publication = arguments[2], StopLsn = Lsn.Parse(arguments[3]) };
            for (int i = 4; i < arguments.Length; i++)
            {
                int equals = arguments[i].IndexOf('=');
                if (equals < 0) throw new ArgumentException("not KEY=VALUE: " + arguments[i]);
                options[arguments[i].Substring(0, equals)] = arguments[i].Substring(equals + 1);
            }
            return options;
        }
    }
}
