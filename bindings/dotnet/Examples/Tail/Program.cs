// Shows a database's changes as they happen, and acknowledges them, until Ctrl-C:
//
//   Tail CONNINFO SLOT PUBLICATION [KEY=VALUE]...
//
// The slot is made when it is missing. Any option of the library may follow, such as stop_lsn=0/1A2B3C8.
using System;
using System.Text;
using System.Threading;
using Walstream;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length < 3)
        {
            Console.Error.WriteLine("usage: Tail CONNINFO SLOT PUBLICATION [KEY=VALUE]...");
            return 2;
        }
        Console.OutputEncoding = new UTF8Encoding(false);
        using (var interrupted = new CancellationTokenSource())
        {
            Console.CancelKeyPress += (sender, pressed) =>
            {
                // The first Ctrl-C ends in order, a second one at once.
                pressed.Cancel = !interrupted.IsCancellationRequested;
                interrupted.Cancel();
            };
            try
            {
                Follow(arguments[0], Options(arguments), interrupted.Token);
                return 0;
            }
            catch (WalStreamException failure)
            {
                Console.Error.WriteLine("Tail: " + failure.Message);
                if (failure.Hint.Length > 0) Console.Error.WriteLine("hint: " + failure.Hint);
                return 1;
            }
        }
    }

    private static WalStreamOptions Options(string[] arguments)
    {
        var options = new WalStreamOptions { Slot = arguments[1], Publication = arguments[2], CreateSlot = "if-missing" };
        for (int i = 3; i < arguments.Length; i++)
        {
            var pair = arguments[i].Split(new[] { '=' }, 2);
            options[pair[0]] = pair.Length == 2 ? pair[1] : "";
        }
        options.Log = (level, line) =>
        {
            if (level <= LogLevel.Warning) Console.Error.WriteLine("Tail: " + line);
        };
        return options;
    }

    private static void Follow(string conninfo, WalStreamOptions options, CancellationToken interrupted)
    {
        try
        {
            using (var stream = WalStream.Open(conninfo, options, interrupted))
            {
                try
                {
                    foreach (var change in stream.ReadEvents(interrupted))
                    {
                        Show(change);
                        // Only when all up to here is safe: here it is when it was written.
                        if (change.AckLsn != Lsn.Zero) stream.Acknowledge(change.AckLsn);
                    }
                }
                finally
                {
                    stream.Stop();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // That is how it ends.
        }
    }

    private static void Show(ChangeEvent change)
    {
        switch (change.Kind)
        {
            case EventKind.Insert:
            case EventKind.Update:
            case EventKind.Delete:
                Console.WriteLine(change.Kind + " " + change.Relation + Columns(change.NewRow, " ") + Columns(change.OldRow, " was "));
                break;
            case EventKind.Truncate:
                foreach (var table in change.Relations) Console.WriteLine("Truncate " + table);
                break;
            case EventKind.Message:
                Console.WriteLine("Message " + change.Name + ", " + change.GetPayload().Length + " bytes");
                break;
            case EventKind.Commit:
                Console.WriteLine("Commit " + change.CommitLsn + " at " + change.CommitTime.Value.ToString("yyyy-MM-dd HH:mm:ss'Z'"));
                break;
        }
    }

    private static string Columns(Row row, string label)
    {
        if (row == null) return "";
        var text = new StringBuilder(label);
        for (int i = 0; i < row.Count; i++)
        {
            if (row.KindOf(i) == ValueKind.NotSent) continue;
            text.Append(row.Relation.Columns[i].Name).Append('=');
            text.Append(row.IsUnchanged(i) ? "(unchanged)" : row.IsNull(i) ? "NULL" : row.GetString(i)).Append(' ');
        }
        return text.ToString().TrimEnd();
    }
}
