using System;
using System.Collections;
using System.Collections.Generic;
using Walstream.Native;

namespace Walstream
{
    /// <summary>
    /// Options of a stream, by the names that the library gives them: <c>new WalStreamOptions { Slot = "s", Publication = "p", ["messages"] = "on" }</c>.
    /// They are checked by what is opened with them (<see cref="WalStream"/>, <see cref="WalStreamAdmin"/>), and copied by it.
    /// </summary>
    public sealed class WalStreamOptions : IEnumerable<KeyValuePair<string, string>>
    {
        private readonly Dictionary<string, string> values = new Dictionary<string, string>(StringComparer.Ordinal);

        /// <summary>The replication slot. Must be set.</summary>
        public string Slot
        {
            get { return this["slot"]; }
            set { this["slot"] = value; }
        }

        /// <summary>The publications, comma-separated, quoted like SQL identifiers.</summary>
        public string Publication
        {
            get { return this["publication"]; }
            set { this["publication"] = value; }
        }

        /// <summary>never, if-missing or temporary.</summary>
        public string CreateSlot
        {
            get { return this["slot.create"]; }
            set { this["slot.create"] = value; }
        }

        /// <summary>The host's own last durable position; zero: where the slot stands.</summary>
        public Lsn StartLsn { get; set; }

        /// <summary>The stream ends after the transaction that reaches or crosses this position; null or zero: never.</summary>
        public Lsn? StopLsn
        {
            get
            {
                string text = this["stop_lsn"];
                return text == null ? (Lsn?)null : Lsn.Parse(text);
            }
            set { this["stop_lsn"] = value == null ? null : value.Value.ToString(); }
        }

        /// <summary>What <see cref="WalStream.Position"/> gave in an earlier process.</summary>
        public string StartPosition
        {
            get { return this["start.position"]; }
            set { this["start.position"] = value; }
        }

        /// <summary>
        /// Called with the library's log lines, one at a time, on its own thread or on one that calls the stream. Must be
        /// quick, and must not wait for a thread that reads from the stream. What it throws is dropped. Only streams have log lines.
        /// </summary>
        public Action<LogLevel, string> Log { get; set; }

        /// <summary>Any option; null is its default.</summary>
        public string this[string name]
        {
            get
            {
                string value;
                return values.TryGetValue(Required(name), out value) ? value : null;
            }
            set
            {
                if (value == null) values.Remove(Required(name));
                else values[Required(name)] = value;
            }
        }

        /// <summary>Those that were set.</summary>
        public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
        {
            return values.GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }

        // Without the log handler, whose life is its user's matter.
        internal ConfigHandle ToNative()
        {
            var config = NativeMethods.walstream_config_new();
            try
            {
                if (config.IsInvalid) throw new OutOfMemoryException();
                foreach (var option in values)
                {
                    ErrorHandle error;
                    Call.Check(NativeMethods.walstream_config_set(config, Utf8.ToNative(option.Key, "options"), Utf8.ToNative(option.Value, "options"), out error), error);
                }
                return config;
            }
            catch
            {
                config.Dispose();
                throw;
            }
        }

        private static string Required(string name)
        {
            if (name == null) throw new ArgumentNullException("name");
            return name;
        }
    }
}
