using System;
using System.Globalization;

namespace Walstream
{
    /// <summary>A position in PostgreSQL's write-ahead log.</summary>
    public struct Lsn : IEquatable<Lsn>, IComparable<Lsn>, IComparable
    {
        /// <summary>0/0: before everything; as a start it means "where the slot stands".</summary>
        public static readonly Lsn Zero = new Lsn(0);

        private readonly ulong value;

        /// <summary>From PostgreSQL's 64-bit number.</summary>
        public Lsn(ulong value)
        {
            this.value = value;
        }

        /// <summary>PostgreSQL's 64-bit number.</summary>
        public ulong Value
        {
            get { return value; }
        }

        /// <summary>Reads "16/B374D848".</summary>
        /// <exception cref="FormatException">It is not a position.</exception>
        public static Lsn Parse(string text)
        {
            if (text == null) throw new ArgumentNullException("text");
            Lsn lsn;
            if (!TryParse(text, out lsn)) throw new FormatException("not a position such as 16/B374D848: " + text);
            return lsn;
        }

        /// <summary>Reads "16/B374D848"; false when it is not a position.</summary>
        public static bool TryParse(string text, out Lsn lsn)
        {
            lsn = Zero;
            int slash = text == null ? -1 : text.IndexOf('/');
            if (slash < 0) return false;
            uint high, low;
            if (!TryParseHalf(text.Substring(0, slash), out high) || !TryParseHalf(text.Substring(slash + 1), out low)) return false;
            lsn = new Lsn((ulong)high << 32 | low);
            return true;
        }

        /// <summary>As PostgreSQL writes it: "16/B374D848".</summary>
        public override string ToString()
        {
            return (value >> 32).ToString("X", CultureInfo.InvariantCulture) + "/" + ((uint)value).ToString("X", CultureInfo.InvariantCulture);
        }

        /// <inheritdoc/>
        public bool Equals(Lsn other)
        {
            return value == other.value;
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return other is Lsn && Equals((Lsn)other);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return value.GetHashCode();
        }

        /// <inheritdoc/>
        public int CompareTo(Lsn other)
        {
            return value.CompareTo(other.value);
        }

        /// <inheritdoc/>
        public int CompareTo(object other)
        {
            if (other == null) return 1;
            if (!(other is Lsn)) throw new ArgumentException("not a Lsn", "other");
            return CompareTo((Lsn)other);
        }

        /// <summary>The same position.</summary>
        public static bool operator ==(Lsn left, Lsn right)
        {
            return left.value == right.value;
        }

        /// <summary>Another position.</summary>
        public static bool operator !=(Lsn left, Lsn right)
        {
            return left.value != right.value;
        }

        /// <summary>Earlier.</summary>
        public static bool operator <(Lsn left, Lsn right)
        {
            return left.value < right.value;
        }

        /// <summary>Later.</summary>
        public static bool operator >(Lsn left, Lsn right)
        {
            return left.value > right.value;
        }

        /// <summary>Not later.</summary>
        public static bool operator <=(Lsn left, Lsn right)
        {
            return left.value <= right.value;
        }

        /// <summary>Not earlier.</summary>
        public static bool operator >=(Lsn left, Lsn right)
        {
            return left.value >= right.value;
        }

        // One to eight hexadecimal digits, nothing else: NumberStyles would let spaces in.
        private static bool TryParseHalf(string text, out uint half)
        {
            half = 0;
            if (text.Length < 1 || text.Length > 8) return false;
            return uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out half);
        }
    }
}
