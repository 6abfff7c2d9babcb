namespace Walstream
{
    /// <summary>How a value was sent.</summary>
    public enum ValueKind : uint
    {
        /// <summary>SQL NULL.</summary>
        Null = 0,

        /// <summary>The type's text form.</summary>
        Text = 1,

        /// <summary>The type's send form, network byte order.</summary>
        Binary = 2,

        /// <summary>A stored-apart (TOAST) value that this update did not touch and the server did not send. Not NULL.</summary>
        Unchanged = 3,

        /// <summary>Old rows of kind Key: the column is not part of the key. Not NULL.</summary>
        NotSent = 4,
    }
}
