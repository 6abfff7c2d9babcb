using Walstream.Native;

namespace Walstream
{
    /// <summary>One thing that <see cref="WalStream.Check"/> found. A copy: nothing changes it.</summary>
    public sealed class Finding
    {
        internal unsafe Finding(NativeFinding* finding)
        {
            Severity = finding->Severity;
            Code = Utf8.Name(finding->Code);
            Object = Utf8.Name(finding->Object);
            Message = Utf8.Name(finding->Message);
            Remedy = Utf8.Name(finding->Remedy);
        }

        /// <summary>How much it matters.</summary>
        public Severity Severity { get; private set; }

        /// <summary>What it is, for programs: "slot-missing" and so on; docs/check.md has them all. The same for ever; new ones may come.</summary>
        public string Code { get; private set; }

        /// <summary>About what: a setting, slot, publication, table, role or process; "" where there is none.</summary>
        public string Object { get; private set; }

        /// <summary>What is the case, on one line, for a person.</summary>
        public string Message { get; private set; }

        /// <summary>What to do, on one line, for a person.</summary>
        public string Remedy { get; private set; }

        /// <summary>All of it but the object, on one line.</summary>
        public override string ToString()
        {
            return Severity + ": " + Code + ": " + Message + "; " + Remedy;
        }
    }
}
