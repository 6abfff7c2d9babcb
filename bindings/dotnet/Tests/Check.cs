using System;
using System.Collections;
using System.Diagnostics;
using System.Threading;

namespace Walstream.Tests
{
    internal sealed class CheckFailed : Exception
    {
        internal CheckFailed(string message) : base(message)
        {
        }
    }

    internal static class Check
    {
        internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

        internal static void That(bool condition, string what)
        {
            if (!condition) throw new CheckFailed("not so: " + what);
        }

        internal static void Equal(object wanted, object got, string what = "value")
        {
            if (Same(wanted, got)) return;
            throw new CheckFailed(what + ": wanted " + Show(wanted) + ", got " + Show(got));
        }

        internal static T Throws<T>(Action action) where T : Exception
        {
            try
            {
                action();
            }
            catch (T wanted)
            {
                return wanted;
            }
            throw new CheckFailed("no " + typeof(T).Name + " was thrown");
        }

        // Waits for a condition of another thread or of the server.
        internal static void Eventually(Func<bool> condition, string what)
        {
            var time = Stopwatch.StartNew();
            while (!condition())
            {
                if (time.Elapsed > Patience) throw new CheckFailed("not within " + Patience.TotalSeconds + " s: " + what);
                Thread.Sleep(5);
            }
        }

        private static bool Same(object wanted, object got)
        {
            var list = wanted as IList;
            var other = got as IList;
            if (list == null || other == null) return Equals(wanted, got);
            if (list.Count != other.Count) return false;
            for (int i = 0; i < list.Count; i++)
                if (!Equals(list[i], other[i])) return false;
            return true;
        }

        private static string Show(object value)
        {
            if (value == null) return "null";
            var list = value as IList;
            if (list == null) return value + " (" + value.GetType().Name + ")";
            var text = new System.Text.StringBuilder("[");
            foreach (object element in list) text.Append(element).Append(' ');
            return text.Append(']').ToString();
        }
    }
}
