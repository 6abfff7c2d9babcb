// Compares the native layer with the header, as a C compiler sees it: see scripts/print-layout.
using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using Walstream.Native;

namespace Walstream.Tests
{
    internal static class LayoutTests
    {
        private static readonly Dictionary<string, Type> Enums = new Dictionary<string, Type>
        {
            { "WALSTREAM_EVENT_", typeof(EventFlags) },
            { "WALSTREAM_VALUE_", typeof(ValueKind) },
            { "WALSTREAM_OLD_", typeof(OldRowKind) },
            { "WALSTREAM_ERROR_", typeof(ErrorFlags) },
            { "WALSTREAM_STATE_", typeof(StreamState) },
            { "WALSTREAM_SLOT_", typeof(SlotFlags) },
            { "WALSTREAM_SNAPSHOT_", typeof(SnapshotWish) },
            { "WALSTREAM_SEVERITY_", typeof(Severity) },
            { "WALSTREAM_E_", typeof(ErrorCode) },
        };

        private static readonly string[] Results = { "Ok", "Timeout", "Woken", "End" };

        public static void StructsAreAsInTheHeader()
        {
            int structs = 0, fields = 0;
            foreach (var line in Lines("struct"))
            {
                Check.Equal(int.Parse(line[2]), Marshal.SizeOf(Struct(line[1])), line[1]);
                structs++;
            }
            foreach (var line in Lines("field"))
            {
                var name = line[1].Split('.');
                var type = Struct(name[0]);
                var field = type.GetField(Pascal(name[1]), BindingFlags.Instance | BindingFlags.NonPublic);
                Check.That(field != null, line[1] + " is in " + type.Name);
                Check.Equal(int.Parse(line[2]), (int)Marshal.OffsetOf(type, field.Name), line[1] + " begins at");
                Check.Equal(int.Parse(line[3]), Size(field.FieldType), line[1] + " has the size");
                fields++;
            }
            Check.That(structs >= 18 && fields >= 120, "the header's layout was read");
        }

        public static void NothingIsInOurStructsThatTheHeaderDoesNotHave()
        {
            var known = new HashSet<string>();
            foreach (var line in Lines("field"))
            {
                var name = line[1].Split('.');
                known.Add(Struct(name[0]).Name + "." + Pascal(name[1]));
            }
            foreach (var line in Lines("struct"))
                foreach (var field in Struct(line[1]).GetFields(BindingFlags.Instance | BindingFlags.NonPublic))
                    Check.That(known.Contains(Struct(line[1]).Name + "." + field.Name), field.Name + " is in " + line[1]);
        }

        public static void NumbersAreAsInTheHeader()
        {
            int seen = 0;
            foreach (var line in Lines("enum"))
            {
                if (line[1] == "WALSTREAM_COLUMN_KEY") continue;
                string member;
                var type = Enum(line[1], out member);
                object value = System.Enum.Parse(type, member);
                Check.Equal(long.Parse(line[2]), Convert.ToInt64(value), line[1]);
                seen++;
            }
            Check.That(seen > 60, "the header's numbers were read");
        }

        public static void LibraryIsOfTheVersionThatThisWasWrittenFor()
        {
            Check.Equal(0u, NativeMethods.walstream_abi_version());
            Check.Equal("0.1.0", WalStream.LibraryVersion);
        }

        private static IEnumerable<string[]> Lines(string kind)
        {
            string path = Environment.GetEnvironmentVariable("WALSTREAM_TEST_LAYOUT");
            Check.That(!string.IsNullOrEmpty(path), "WALSTREAM_TEST_LAYOUT names what scripts/print-layout printed");
            foreach (string line in File.ReadAllLines(path))
                if (line.StartsWith(kind + " ", StringComparison.Ordinal)) yield return line.Split(' ');
        }

        private static Type Struct(string name)
        {
            string ours = "Walstream.Native.Native" + Pascal(name.Substring("walstream_".Length));
            var type = typeof(WalStream).Assembly.GetType(ours);
            Check.That(type != null, "there is a " + ours);
            return type;
        }

        private static Type Enum(string name, out string member)
        {
            foreach (var prefix in Enums)
                if (name.StartsWith(prefix.Key, StringComparison.Ordinal))
                {
                    member = Pascal(name.Substring(prefix.Key.Length));
                    return prefix.Value;
                }
            member = Pascal(name.Substring("WALSTREAM_".Length));
            return Array.IndexOf(Results, member) >= 0 ? typeof(ErrorCode) : typeof(EventKind);
        }

        private static int Size(Type type)
        {
            if (type.IsPointer) return IntPtr.Size;
            return Marshal.SizeOf(type.IsEnum ? System.Enum.GetUnderlyingType(type) : type);
        }

        private static string Pascal(string name)
        {
            var text = new System.Text.StringBuilder();
            foreach (string word in name.Split('_'))
                text.Append(char.ToUpperInvariant(word[0])).Append(word.Substring(1).ToLowerInvariant());
            return text.ToString();
        }
    }
}
