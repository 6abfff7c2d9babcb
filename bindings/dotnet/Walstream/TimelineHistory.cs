using System.Collections.Generic;
using Walstream.Native;

namespace Walstream
{
    /// <summary>A timeline's history file, and what it says. A copy: nothing changes it.</summary>
    public sealed class TimelineHistory
    {
        private readonly byte[] content;

        internal unsafe TimelineHistory(NativeHistory history)
        {
            Timeline = history.Timeline;
            FileName = Utf8.Name(history.FileName);
            content = Memory.Copy(history.Content, checked((int)history.ContentLen));
            var switches = new TimelineDetail[checked((int)history.SwitchCount)];
            for (int i = 0; i < switches.Length; i++)
            {
                var one = history.Switches[i];
                switches[i] = new TimelineDetail(new Lsn(one.SwitchLsn), one.Timeline, one.OldTimeline);
            }
            Switches = switches;
        }

        /// <summary>The timeline asked for.</summary>
        public uint Timeline { get; private set; }

        /// <summary>Such as "0000000A.history".</summary>
        public string FileName { get; private set; }

        /// <summary>The switches that led to this timeline, oldest first. Empty for timeline 1.</summary>
        public IReadOnlyList<TimelineDetail> Switches { get; private set; }

        /// <summary>The file, to be stored as it is; the array is the caller's. Empty for timeline 1, which has none.</summary>
        public byte[] GetContent()
        {
            return (byte[])content.Clone();
        }
    }
}
